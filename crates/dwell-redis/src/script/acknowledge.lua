-- KEYS ends to report, sessions; ARGV clock, ids
-- Gives tombstones the rest of their lifetime. Returns the subjects.
local now = clock(ARGV[1])
local subjects = {}
for n = 2, #KEYS do
  redis.call('ZREM', KEYS[1], ARGV[n])
  local value = value_of(KEYS[n])
  subjects[n - 1] = false
  if is_sound(value) and has_ended(value) then
    local forget = struct.unpack('>I6', value, 107)
    redis.call('PEXPIRE', KEYS[n], string.format('%.0f', math.max(forget - now, 1)))
    subjects[n - 1] = value:sub(117, 116 + struct.unpack('>I4', value, 113))
  end
end
return subjects

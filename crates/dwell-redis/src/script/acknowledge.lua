-- KEYS ends to report, sessions; ARGV clock, ids
-- Gives tombstones the rest of their lifetime. Returns for each the subject, and
-- when the session ended ('' for one that was adopted).
local now = clock(ARGV[1])
local ended = {}
for n = 2, #KEYS do
  redis.call('ZREM', KEYS[1], ARGV[n])
  local value = value_of(KEYS[n])
  ended[n - 1] = false
  if is_sound(value) and has_ended(value) then
    local at, forget = struct.unpack('>I6I6', value, 101)
    redis.call('PEXPIRE', KEYS[n], string.format('%.0f', math.max(forget - now, 1)))
    local subject = value:sub(117, 116 + struct.unpack('>I4', value, 113))
    ended[n - 1] = {subject, is_adopted(value) and '' or string.format('%.0f', at)}
  end
end
return ended

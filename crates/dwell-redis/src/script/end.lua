-- KEYS session, ends to report; ARGV clock, reason, whether replaced, lifetime of tombstones, channel, id
-- Returns the time, whether this call ended the session, and the value before.
local now = clock(ARGV[1])
local value = value_of(KEYS[1])
if not value then return {now, 0, false} end
if not is_sound(value) then return {now, 0, value} end
local replaced = ARGV[3] ~= ''
if has_ended(value) then
  if replaced then
    redis.call('SETRANGE', KEYS[1], 1, string.char(bit.bor(value:byte(2), REPLACED)))
    redis.call('PUBLISH', ARGV[5], ARGV[6])
  end
  return {now, 0, false}
end
end_session(KEYS[1], KEYS[2], ARGV[6], value, now, tonumber(ARGV[2]), replaced, tonumber(ARGV[4]), ARGV[5])
return {now, 1, value}

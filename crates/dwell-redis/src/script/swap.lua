-- KEYS session; ARGV clock, bytes 3 to 28 as they were, new value, when it is too late, channel, id
-- Returns the time, the outcome (0 gone, 1 done, 2 changed meanwhile), and the current value.
local now = clock(ARGV[1])
local value = value_of(KEYS[1])
if not is_sound(value) then return {now, 0, value} end
if has_ended(value) then return {now, 0, false} end
if value:sub(4, 28) ~= ARGV[2] then return {now, 2, value} end
if now >= tonumber(ARGV[4]) then return {now, 0, false} end
redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
redis.call('PUBLISH', ARGV[5], ARGV[6])
return {now, 1, false}

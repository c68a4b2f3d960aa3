-- KEYS session, due, bucket; ARGV clock, value, milliseconds to live, second of the bucket, id, not after
-- Returns the time and the outcome (0 created, 1 the key exists, 2 too late).
local now = clock(ARGV[1])
if now > tonumber(ARGV[6]) then return {now, 2} end
local value = value_of(KEYS[1])
if value and not (is_sound(value) and is_forgotten(value, now)) then
  -- The same creation, sent a second time after a connection was lost.
  if value == ARGV[2] then return {now, 0} end
  return {now, 1}
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
schedule(KEYS[2], KEYS[3], ARGV[4], ARGV[5])
return {now, 0}

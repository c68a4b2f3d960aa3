-- KEYS subject; ARGV clock, id, milliseconds to live, and either '' or 'if', the
-- list as it must be, and what to keep of it
-- Returns the time, whether it was done, and the current list if it was not.
local now = clock(ARGV[1])
local list = redis.pcall('GET', KEYS[1])
if type(list) == 'table' then
  return redis.error_reply('DWELL the list of a subject is a key of another type: remove that key')
end
list = list or ''
local kept = list
if ARGV[4] ~= '' then
  if list ~= ARGV[5] then return {now, 0, list} end
  kept = ARGV[6]
end
local left = redis.call('PTTL', KEYS[1])
local lifetime = math.max(left, tonumber(ARGV[3]))
redis.call('SET', KEYS[1], kept .. ARGV[2] .. struct.pack('>I6', now), 'PX', string.format('%.0f', lifetime))
return {now, 1, false}

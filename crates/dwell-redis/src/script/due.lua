-- KEYS due, ends to report; ARGV clock, most entries, prefix of sessions' keys, prefix of buckets' keys,
-- and '' or the second after which to take the first bucket, due or not
-- Returns the time, the bucket's second ('' without a bucket), ids and values of
-- its first entries, ids and values of ends to report again, and the number of
-- the bucket's entries.
local now = clock(ARGV[1])
local most = tonumber(ARGV[2])
local second, entries, length = '', {}, 0
local from, to = '-inf', string.format('%.0f', math.floor(now / 1000))
if ARGV[5] ~= '' then from, to = '(' .. ARGV[5], '+inf' end
while true do
  local found = redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'LIMIT', 0, 1)[1]
  if not found then break end
  length = redis.call('LLEN', ARGV[4] .. found)
  if length > 0 then
    second = found
    for _, id in ipairs(redis.call('LRANGE', ARGV[4] .. found, 0, most - 1)) do
      entries[#entries + 1] = id
      entries[#entries + 1] = value_of(ARGV[3] .. id)
    end
    break
  end
  redis.call('ZREM', KEYS[1], found)
end
local again = {}
if ARGV[5] == '' then
  local left = most - #entries / 2
  if left > 0 then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, left)) do
      local value = value_of(ARGV[3] .. id)
      if is_sound(value) and has_ended(value) then
        redis.call('ZADD', KEYS[2], now + HANDED_OUT, id)
        again[#again + 1] = id
        again[#again + 1] = value
      else
        redis.call('ZREM', KEYS[2], id)
      end
    end
  end
end
return {now, second, entries, again, length}

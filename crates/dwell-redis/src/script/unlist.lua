-- KEYS subject, its tombstones; ARGV lifetime of tombstones, how many to keep, and
-- for each session that has ended its id and when ('' to keep the tombstone anyway)
-- Removes the sessions from the list. Returns the ids of the oldest tombstones,
-- which must go.
local leaves = {}
for n = 3, #ARGV, 2 do leaves[ARGV[n]] = true end
local list = redis.pcall('GET', KEYS[1])
if type(list) == 'string' then
  local kept = {}
  for place = 1, #list - 21, 22 do
    if not leaves[list:sub(place, place + 15)] then kept[#kept + 1] = list:sub(place, place + 21) end
  end
  if #kept == 0 then
    redis.call('DEL', KEYS[1])
  elseif #kept * 22 < #list then
    redis.call('SET', KEYS[1], table.concat(kept), 'KEEPTTL')
  end
end
for n = 3, #ARGV, 2 do
  if ARGV[n + 1] ~= '' then redis.call('ZADD', KEYS[2], ARGV[n + 1], ARGV[n]) end
end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
local last = -1 - tonumber(ARGV[2])
local surplus = redis.call('ZRANGE', KEYS[2], 0, last)
if #surplus > 0 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, last) end
return surplus

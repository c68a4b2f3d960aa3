-- KEYS due, ends to report, bucket; ARGV clock, prefix of sessions' keys, prefix of buckets' keys,
-- lifetime of tombstones, channel, second of the bucket, then five for each of its
-- first entries: id, action, bytes 3 to 28 as they were, the action's argument, and
-- the second in which to look at the session again
-- Returns the time, whether the entries were still the first, and which of them
-- were ended or locked.
local now = clock(ARGV[1])
local count = (#ARGV - 6) / 5
local first = redis.call('LRANGE', KEYS[3], 0, count - 1)
for n = 1, count do
  if first[n] ~= ARGV[2 + 5 * n] then return {now, 0, {}} end
end
redis.call('LTRIM', KEYS[3], count, -1)
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('ZREM', KEYS[1], ARGV[6]) end
local done = {}
for n = 1, count do
  local at = 2 + 5 * n
  local id, act, was, with, again = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local key = ARGV[2] .. id
  if act == 'end' or act == 'lock' then
    local value = value_of(key)
    if is_sound(value) and not has_ended(value) then
      if value:sub(4, 28) ~= was then
        -- Touched or changed meanwhile: to be looked at again.
        again = string.format('%.0f', math.floor(now / 1000) + 1)
      elseif act == 'end' then
        end_session(key, KEYS[2], id, value, now, tonumber(with), false, tonumber(ARGV[4]), ARGV[5])
        done[#done + 1] = n - 1
        again = ''
      else
        redis.call('SET', key, with, 'KEEPTTL')
        redis.call('PUBLISH', ARGV[5], id)
        done[#done + 1] = n - 1
      end
    else
      again = ''
    end
  end
  if again ~= '' then schedule(KEYS[1], ARGV[3] .. again, again, id) end
end
return {now, 1, done}

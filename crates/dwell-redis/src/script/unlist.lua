-- KEYS subject; ARGV ids to remove from the list
local list = redis.pcall('GET', KEYS[1])
if type(list) ~= 'string' then return 0 end
local leaves = {}
for _, id in ipairs(ARGV) do leaves[id] = true end
local kept = {}
for place = 1, #list - 21, 22 do
  if not leaves[list:sub(place, place + 15)] then kept[#kept + 1] = list:sub(place, place + 21) end
end
if #kept == 0 then
  redis.call('DEL', KEYS[1])
elseif #kept * 22 < #list then
  redis.call('SET', KEYS[1], table.concat(kept), 'KEEPTTL')
end
return 1

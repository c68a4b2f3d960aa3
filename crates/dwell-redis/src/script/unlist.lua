-- KEYS subject; ARGV ids to remove from the list
local list = redis.pcall('GET', KEYS[1])
if type(list) ~= 'string' then return 0 end
local kept = {}
for place = 1, #list - 21, 22 do
  local entry = list:sub(place, place + 21)
  local leaves = false
  for _, id in ipairs(ARGV) do
    leaves = leaves or entry:sub(1, 16) == id
  end
  if not leaves then kept[#kept + 1] = entry end
end
if #kept == 0 then
  redis.call('DEL', KEYS[1])
elseif #kept * 22 < #list then
  redis.call('SET', KEYS[1], table.concat(kept), 'KEEPTTL')
end
return 1

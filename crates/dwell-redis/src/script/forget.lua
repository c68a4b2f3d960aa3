-- KEYS ends to report, sessions; ARGV ids
-- Removes tombstones whose ends were reported.
for n = 2, #KEYS do
  local value = value_of(KEYS[n])
  if is_sound(value) and has_ended(value) and not redis.call('ZSCORE', KEYS[1], ARGV[n - 1]) then
    redis.call('DEL', KEYS[n])
  end
end
return 1

-- KEYS session; ARGV clock
-- Counts a failed authentication. Returns the time, the number of failures (-1 if
-- the session is gone), and a value that can't be read.
local now = clock(ARGV[1])
local value = value_of(KEYS[1])
if not is_sound(value) then return {now, -1, value} end
if has_ended(value) or is_past_hard_deadline(value, now) then return {now, -1, false} end
local failures = math.min(value:byte(4) + 1, 255)
redis.call('SETRANGE', KEYS[1], 3, string.char(failures))
return {now, failures, false}

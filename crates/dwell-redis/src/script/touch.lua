-- KEYS session; ARGV clock, at, idle deadline, network, whether to return the value,
-- whether it was tried before
-- Returns the time, the outcome (0 gone, 1 older, 2 recorded), and the value.
local now = clock(ARGV[1])
local value = value_of(KEYS[1])
local outcome = 0
if is_sound(value) and not has_ended(value) and not has_flag(value, LOCKED) then
  local last, idle = struct.unpack('>I6I6', value, 9)
  -- A node whose clock is ahead gains no idle time.
  local asked = tonumber(ARGV[2])
  local at = math.min(asked, now)
  local deadline = math.min(at + tonumber(ARGV[3]) - asked, 281474976710655)
  -- Activity in time counts although the server could not take it then.
  local in_time = ARGV[6] == '1' and at > last and at < idle and now < deadline
  if (now < idle or in_time) and not is_past_hard_deadline(value, now) then
    if at <= last then
      outcome = 1
    else
      local pause = struct.unpack('>I4', value, 25)
      pause = math.max(pause, math.min(at - last, 4294967295))
      local patch = struct.pack('>I6I6', at, deadline) .. ARGV[4] .. struct.pack('>I4', pause)
      redis.call('SETRANGE', KEYS[1], 8, patch)
      value = value:sub(1, 8) .. patch .. value:sub(29)
      outcome = 2
    end
  end
end
if ARGV[5] == '' and (not value or is_sound(value)) then value = false end
return {now, outcome, value}

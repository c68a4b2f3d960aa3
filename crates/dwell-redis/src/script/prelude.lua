-- The layout of a session's value, in bytes counted from zero. value.rs writes it:
--   0 format   1 flags   2 end reason   3 failures   4 version
--   8 last activity  14 idle deadline  20 network  24 longest pause
--  28 absolute deadline  34 provider's deadline  40 locked at
--  62 check  100 ended at  106 forgotten at  112 length of subject
local FORMAT, HEAD = 1, 116
local HANDED_OUT = 30000

-- The server's clock in milliseconds, unless a test gives another one.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The value of a session: false if the key is missing, '' if it is no string.
local function value_of(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then return '' end
  return value
end

local function is_sound(value)
  return value and #value >= HEAD and value:byte(1) == FORMAT
end

local function has_ended(value)
  return value:byte(3) ~= 0
end

local function is_forgotten(value, now)
  return has_ended(value) and now >= struct.unpack('>I6', value, 107)
end

local function has_flag(value, flag)
  return bit.band(value:byte(2), flag) ~= 0
end
local REPLACED, PROVIDER, LOCKED = 2, 4, 8

-- Whether another middleware owns the session: it has no token of ours.
local function is_adopted(value)
  return value:sub(63, 78) == ('\0'):rep(16)
end

local function is_past_hard_deadline(value, now)
  local absolute, provider = struct.unpack('>I6I6', value, 29)
  return now >= absolute or (has_flag(value, PROVIDER) and now >= provider)
end

-- Ends a live session, and keeps the end until it is acknowledged.
local function end_session(key, out, id, value, now, reason, replaced, lifetime, channel)
  local forget = now + lifetime
  if is_adopted(value) then
    -- Its owner may present it until then.
    forget = math.max(forget, (struct.unpack('>I6', value, 29)))
  end
  local flags = value:byte(2)
  if replaced then flags = bit.bor(flags, REPLACED) end
  redis.call('SETRANGE', key, 1, string.char(flags, reason))
  redis.call('SETRANGE', key, 100, struct.pack('>I6I6', now, math.min(forget, 281474976710655)))
  redis.call('ZADD', out, now + HANDED_OUT, id)
  redis.call('PUBLISH', channel, id)
end

-- Schedules a look at a session in this second.
local function schedule(due, bucket, second, id)
  if redis.call('RPUSH', bucket, id) == 1 then
    redis.call('ZADD', due, second, second)
  end
end

-- KEYS session; ARGV clock
-- Returns the time and the value.
return {clock(ARGV[1]), value_of(KEYS[1])}

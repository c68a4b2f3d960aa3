-- KEYS session; ARGV clock
return {clock(ARGV[1]), value_of(KEYS[1])}

# Off a terminal long calls print few lines of progress.
# calm: it counts seconds.
. tests/cli/tap.sh

# A line at the end of what took a second, one after 4, 8, … seconds of what goes on.
cat > "$work/waits.lua" << 'LUA'
local native = require "perigee.native"
local start, seconds = perigee.clock(), tonumber(arg[1])
local loop <close> = native.progress(100)
while perigee.clock() - start < seconds do
  native.progress_at(loop, (perigee.clock() - start) / seconds, "at work")
end
LUA
run_perigee "$work/waits.lua" 0.4
check_equal "short work says nothing" "$err" ""
run_perigee "$work/waits.lua" 2
check_equal "two seconds say one line" "$(echo "$err" | wc -l | tr -d ' ')" 1
check_match "which is its end" "$err" "security: 100 %*in 2*"
run_perigee "$work/waits.lua" 5
check_match "five seconds two" "$(echo "$err" | wc -l | tr -d ' ')$err" "2*left*in *"
finish

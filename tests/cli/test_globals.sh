# Globals that nobody set: an error with a suggestion, at the user's line.
. tests/cli/tap.sh

run_perigee -e 'print(prnt)'
check_equal "reading an unset global is an error" "$status" 1
check_match "with the name and a suggestion" "$err" "*global 'prnt' is not set; did you mean print*"
run_perigee -e 'local x = 1
return x + missing_thing'
check_match "at the user's line" "$err" "perigee: (command line):2: global 'missing_thing' is not set*"
run_perigee -e 'zeros(3)'
check_match "a library's function without its library" "$err" "*did you mean array.zeros*"
run_perigee -e 'fresh = 5 print(fresh) fresh = nil print(rawget(_G, "fresh"))'
check_equal "setting is allowed" "$out" "5
nil"
run_perigee -e 'print(pcall(function() return qqqqqqqqqq end))'
check_match "the error can be caught" "$out" "false	*global 'qqqqqqqqqq' is not set"
run_perigee -e 'local known = { _G = true, arg = true }
for name in ("coroutine debug io math os package string table utf8"):gmatch("%w+") do known[name] = true end
for _, name in ipairs(require "perigee.libraries") do
  if type(rawget(_G, name)) ~= "table" then print("not open: " .. name) end
  known[name] = true
end
for name, value in pairs(_G) do
  if type(value) == "table" and not known[name] then print("not listed: " .. name) end
end'
check_equal "the libraries are open, and no others" "$out$err" ""

finish

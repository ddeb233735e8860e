-- resident.lua — function() → megabytes that this process holds; nil where there is no /proc.
return function()
  local file = io.open("/proc/self/status")
  if not file then return nil end
  local kilobytes = file:read("a"):match("VmRSS:%s+(%d+)")
  file:close()
  return kilobytes / 1024
end

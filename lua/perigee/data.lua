-- The Lua half of the library data: how datasets print.

local types = debug.getregistry()

local BAR, BARS = 30, 20 -- the longest bar; how many classes have one

-- "  7  ██████████ 1028", a line for each class.
local function add_histogram(lines, classes, counts)
  local largest = 1
  for _, label in ipairs(classes) do largest = math.max(largest, counts[label]) end
  for i = 1, math.min(#classes, BARS) do
    local n = counts[classes[i]]
    lines[#lines + 1] = ("  %4d  %s %d"):format(classes[i], ("█"):rep((n * BAR + largest - 1) // largest), n)
  end
  if #classes > BARS then lines[#lines + 1] = ("  … and %d more classes"):format(#classes - BARS) end
end

types["perigee.dataset"].__tostring = function(ds)
  local n, classes = #ds, ds.classes
  local head = ("Dataset (%s): %d sample%s of %s"):format(ds.source, n, n == 1 and "" or "s",
    table.concat(ds.shape, "x"))
  if n == 1 then return ("%s, label %d"):format(head, classes[1]) end
  local lines = { ("%s in %d class%s"):format(head, #classes, #classes == 1 and "" or "es") }
  if n > 1 then add_histogram(lines, classes, ds:counts()) end
  return table.concat(lines, "\n")
end

--- Whether data.mnist would find both parts.
function data.has_mnist()
  return (data.find_mnist("train") and data.find_mnist("test")) ~= nil
end

return data

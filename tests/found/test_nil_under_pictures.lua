-- Under every picture in the terminal a prompt printed "nil", the path that was not written.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

TestNilUnderPictures = {}

function TestNilUnderPictures:test_terminal()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
  local code = [[
for _, draw in ipairs {
  function(o) return plot.loss({ 2, 1 }, o) end, function(o) return plot.images(data.digits(1), o) end,
  function(o) return plot.figure():line({ 1, 2 }):show(o) end,
} do
  print("values: " .. select("#", draw { terminal = "text" }))
end]]
  local pipe = io.popen(("PERIGEE_PICTURE=plain '%s' -e '%s' 2>&1"):format(os.getenv "PERIGEE", code))
  local text = pipe:read "a"
  pipe:close()
  lu.assertEquals(select(2, text:gsub("values: 0\n", "")), 3, text)
end

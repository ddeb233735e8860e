-- Under every picture in the terminal a prompt printed "nil", the path that was not written.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

TestNilUnderPictures = {}

local write = io.write

function TestNilUnderPictures:setUp()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
  io.write = function() end -- luacheck: ignore 122
end

function TestNilUnderPictures:tearDown()
  io.write = write -- luacheck: ignore 122
end

local function values(...) return select("#", ...) end

function TestNilUnderPictures:test_terminal()
  lu.assertEquals(values(plot.loss({ 2, 1 }, { terminal = "text" })), 0)
  lu.assertEquals(values(plot.images(data.digits(1), { terminal = "text" })), 0)
  lu.assertEquals(values(plot.figure():line({ 1, 2 }):show { terminal = "text" }), 0)
end

-- One column alone of which some points were to be kept: a second one was read that nobody had given.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

TestColumnsWithoutY = {}

function TestColumnsWithoutY:test_kept_points()
  local x = gnuplot.numbers(array.linspace(0, 1, 50), "plot", "x")
  for _, kind in ipairs { "line", "points" } do
    lu.assertErrorMsgContains("x and y", gnuplot.columns, { x }, { [kind] = true })
  end
  lu.assertEquals(select(2, gnuplot.columns { x }), 50)
  lu.assertTrue(select(2, gnuplot.columns({ x, x }, { points = true })) <= 50)
end

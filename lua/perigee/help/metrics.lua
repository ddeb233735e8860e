-- Documentation of the library metrics, family by family; see perigee/help.lua for the form.

local entries = {}

for _, family in ipairs(require "perigee.metrics.families") do
  local list = require("perigee.help.metrics." .. family[1])
  list[1].group = family[2]
  table.move(list, 1, #list, #entries + 1, entries)
end

return {
  name = "metrics", title = "Measures",
  summary = "How good a model is on labelled data, with and without rejection, and what an attack leaves of "
    .. "it. A model (one written in Lua too) is asked once for all samples; its predictions will do in its "
    .. "place, and so will an attack's result, whose answers are then what is judged.",
  entries = entries,
}

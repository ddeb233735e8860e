-- The Lua half of the library nn: how nets and the histories of their training print.

local printable = require("perigee.native").printable
local records = require "perigee.records"
require "perigee.training" -- for C, by the registry

nn.layer = require "perigee.layer"

local types = debug.getregistry()

-- "64 x 12 x 12"
local function shape_words(shape) return table.concat(shape, " x ") end

types["perigee.net"].__tostring = function(net)
  local layers, width, names = net.layers, 8, 14
  for _, layer in ipairs(layers) do
    width, names = math.max(width, #layer.kind), math.max(names, #printable(layer.name))
  end
  local row = ("  %%-%ds %%-%ds %%-16s %%10"):format(math.min(names, 99), math.min(width, 99))
  local lines = {
    ("net  %s -> %d outputs, %d parameters%s"):format(shape_words(net.input), layers[#layers].size,
      net.parameters, #net.classes > 0 and "" or ", no classes yet"),
    (row .. "s"):format("layer", "kind", "output", "parameters"),
  }
  for _, layer in ipairs(layers) do
    lines[#lines + 1] = (row .. "d"):format(printable(layer.name), layer.kind,
      shape_words(layer.shape), layer.parameters)
  end
  return table.concat(lines, "\n")
end

-- "3 epochs: loss 1.285 -> 0.2631, accuracy 63.8 -> 92.2 %"
types["perigee.history"].__tostring = function(history)
  local loss, accuracy, epochs = history.loss, history.accuracy, #history.loss
  local text = ("%d epoch%s"):format(epochs, epochs == 1 and "" or "s")
  if epochs > 0 then
    text = ("%s: loss %.4g -> %.4g, accuracy %.1f -> %.1f %%"):format(text, loss[1], loss[epochs],
      100 * accuracy[1], 100 * accuracy[epochs])
  end
  if history.ended == "patience" then text = ("%s, epoch %d was best"):format(text, history.best) end
  return text .. (history.interrupted and ", interrupted" or "")
end

-- A row an epoch.
local function rows_of(history)
  local columns, rows = { { name = "epoch" } }, {}
  for _, name in ipairs { "loss", "accuracy", "validation_loss", "validation_accuracy", "lr", "seconds" } do
    if history[name] then columns[#columns + 1] = { name = name, of = "%.4g" } end
  end
  for epoch = 1, #history.loss do
    rows[epoch] = { epoch = epoch }
    for _, column in ipairs(columns) do
      local list = history[column.name]
      if list then rows[epoch][column.name] = list[epoch] end
    end
  end
  return columns, rows
end

records.define(types["perigee.history"], {
  kind = "history", what = "the history of a training", rows = rows_of,
})

return nn

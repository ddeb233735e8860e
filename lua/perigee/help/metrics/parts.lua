-- What the documentation of the measures shares.

local parts = {}

parts.subject = {
  { "model", "model|array|table|result",
    "any model; its predictions: labels, -1 where rejected; or an attack's result: its answers" },
  { "ds", "dataset|array|table?",
    "the samples with their labels; for predictions the labels will do; none for a result" },
}

parts.names = { "names", "table|dataset", "the dataset's own",
  "what the classes are called, { [label] = name }, or a dataset that says it" }

parts.labels = [[
local truth     = { 0, 0, 0, 4, 4 }
local predicted = { 0, 0, -1, 4, 0 }
]]

--- A defence that rejects a tenth, and an attack on it.
parts.attacked = [[
local net, digits = nn.load("mnist-cnn"), data.digits(40, { seed = 1 })
local held_out = data.digits(100, { seed = 2 })
local nr = reject.new { model = net }
nr.threshold = nr:threshold_for(0.1, held_out)
local pgd = attack.pgd { model = nr, dmax = 1.5, max_iter = 10 }
local result = pgd:run(digits)
]]

function parts.field(name, kind, text)
  return { name = name, kind = "field", text = text, returns = { kind } }
end

return parts

-- What the documentation of the measures shares.

local parts = {}

parts.subject = {
  { "model", "model|array|table", "any model, or its predictions: labels, -1 where rejected" },
  { "ds", "dataset|array|table", "the samples with their labels; for predictions the labels will do" },
}

parts.labels = [[
local truth     = { 0, 0, 0, 4, 4 }
local predicted = { 0, 0, -1, 4, 0 }
]]

function parts.field(name, kind, text)
  return { name = name, kind = "field", text = text, returns = { kind } }
end

return parts

-- What a value is: the names that the program's types and tables carry in their metatables.

local kinds = {}

--- The kind of a value ("array", "dataset", "svm", "security", …), or nil if it has none.
function kinds.of(value)
  local meta = debug.getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and name:match("([%w_]+)$") or nil
end

--- Is it one of ours, made in C, of this kind? A table of the user's can call itself whatever it likes.
function kinds.is(value, kind)
  return type(value) == "userdata" and kinds.of(value) == kind
end

--- Is it a fitted model, or one written in Lua?
function kinds.is_model(value)
  if type(value) == "userdata" then return (pcall(function() return value.classes[1] + 0 end)) end
  return type(value) == "table" and type(value.scores) == "function"
end

return kinds

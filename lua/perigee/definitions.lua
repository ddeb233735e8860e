-- What the user has defined in this session by attack.define, nn.layer and svm.kernel, in its order, so that
-- other ranks of the job (farm.lua) can define the same. What was defined once more under its name is
-- forgotten with the last that holds it.

local arguments = require "perigee.arguments"

local definitions = { count = 0, newest = {} } -- by their names, which hold them

local made_of = setmetatable({}, { __mode = "v" }) -- by number
local said_of = setmetatable({}, { __mode = "k" }) -- { library =, name =, definition = } by what was made
local number_of = setmetatable({}, { __mode = "k" })

--- `made` was made by the library's function of that name, of this definition.
function definitions.note(library, name, definition, made)
  local kept = definition
  if type(definition) == "table" then
    kept = {}
    for key, value in next, definition do kept[key] = arguments.kept(value) end
  end
  definitions.count = definitions.count + 1
  made_of[definitions.count], number_of[made] = made, definitions.count
  said_of[made] = { library = library, name = name, definition = kept }
  definitions.newest[library .. "." .. tostring(kept.name)] = made
end

--- What the i-th definition made, and what it said; nil where that is forgotten.
function definitions.get(i)
  local made = made_of[i]
  if made ~= nil then return made, said_of[made] end
end

--- The number of what a definition made, or nil.
function definitions.number(made) return number_of[made] end

return definitions

-- Runs the cases that Python wrote into a folder (frame.py), and writes what comes of them beside.
--
--     perigee --quiet tests/numbers/answer.lua FOLDER
--
-- FOLDER/cases.lua returns a function(step, given, folder) that calls step(key, f) for each step of each
-- case. What f returns goes into answers.npz (arrays, under the key, then keyb, keyc, …) and answers.txt (a
-- line each: key, kind, number or message); a step that fails leaves its message, and those that need it fail
-- in turn.

local folder = arg[1]
local given = data.read_npz(folder .. "/given.npz")
local kept, lines = {}, {}

-- A mask shows itself by what it makes with a float.
local function kind_of(value)
  if value.dtype ~= "i32" then return value.dtype end
  local part = value
  for _ = 1, value.ndim do part = part:reshape(-1):slice { 1, 0 } end
  return (part * 0.5).dtype == "f32" and "mask" or "i32"
end

local function note(key, value)
  local sort = type(value)
  if sort == "number" then
    lines[#lines + 1] = ("%s\t%s\t%s"):format(key, math.type(value),
      math.type(value) == "float" and ("%.17g"):format(value) or value)
  elseif sort == "boolean" or sort == "string" then
    lines[#lines + 1] = ("%s\t%s\t%s"):format(key, sort, tostring(value):gsub("[\t\n]", " "))
  else
    kept[key] = value:copy()
    lines[#lines + 1] = ("%s\t%s\t"):format(key, kind_of(value))
  end
end

local function step(key, f)
  local results = table.pack(pcall(f))
  if not results[1] then
    lines[#lines + 1] = ("%s\terror\t%s"):format(key, tostring(results[2]):gsub("[\t\n]", " "))
    return nil
  end
  for i = 2, results.n do note(key .. (i == 2 and "" or string.char(96 + i - 1)), results[i]) end
  return table.unpack(results, 2, results.n)
end

dofile(folder .. "/cases.lua")(step, given, folder)

if next(kept) then data.save_npz(folder .. "/answers.npz", kept) end
local file <close> = assert(io.open(folder .. "/answers.txt", "w"))
file:write(table.concat(lines, "\n"), "\n")

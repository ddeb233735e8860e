-- The folder that an evaluation keeps its finished pieces in: a file that says what the evaluation is, and
-- one a piece. Every file is written whole or not at all, so that the folder can be gone on with whenever
-- the program was ended, and by several programs at once.

local archive = require "perigee.archive"
local blame = require "perigee.blame"
local native = require "perigee.native"
local printable = native.printable

local checkpoint = {}

local Checkpoint = {}
Checkpoint.__index = Checkpoint

local WHERE = "evaluate.security"

local function write(path, values)
  local ok, message = pcall(archive.write, path, values)
  if ok then return end
  if type(message) ~= "string" or perigee.interrupted() then error(message, 0) end
  blame.fail("%s: checkpoint: %s", WHERE, (message:gsub("^.-save: ", "")))
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- The first of the settings that is another one: a list of { what, text }, in one order.
local function difference(before, now)
  local earlier = {}
  for _, setting in ipairs(before) do earlier[setting[1]] = setting[2] end
  for _, setting in ipairs(now) do
    local was = earlier[setting[1]]
    earlier[setting[1]] = nil
    if was ~= setting[2] then return setting[1], was or "not there", setting[2] end
  end
  local what, was = next(earlier)
  return what, was, "not there"
end

local function check_settings(path, folder, settings)
  local ok, values = pcall(archive.read, path)
  if not ok or type(values.settings) ~= "table" then
    blame.fail("%s: checkpoint: %s: what this folder is of cannot be read: %s", WHERE, folder,
      ok and "it is not an evaluation's" or tostring(values))
  end
  local what, was, is = difference(values.settings, settings)
  if what then
    blame.fail("%s: checkpoint: %s is another evaluation's: its %s is %s, this one's %s; give another folder",
      WHERE, folder, printable(what), printable(was), printable(is))
  end
end

--- Open the folder, or make it, for the evaluation with these settings: a list of { what, text }.
function checkpoint.open(folder, settings)
  local made, reason = native.make_folder(folder)
  if not made then blame.fail("%s: checkpoint: %s", WHERE, reason) end
  local path = folder .. "/evaluation.safetensors"
  if exists(path) then
    check_settings(path, folder, settings)
  else
    write(path, { settings = settings })
  end
  local words = {}
  for i, setting in ipairs(settings) do words[i] = setting[1] .. "=" .. setting[2] end
  return setmetatable({ folder = folder, id = table.concat(words, "\n") }, Checkpoint)
end

function Checkpoint:path(name)
  return ("%s/%s.safetensors"):format(self.folder, name)
end

--- The piece of that name, or nil: it is not there yet, or not whole, or another evaluation's.
function Checkpoint:read(name)
  local path = self:path(name)
  if not exists(path) then return nil end
  local ok, values = pcall(archive.read, path)
  return ok and values.of == self.id and values.piece or nil
end

function Checkpoint:write(name, piece)
  write(self:path(name), { of = self.id, piece = piece })
end

return checkpoint

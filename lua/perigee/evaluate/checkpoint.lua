-- The folder that an evaluation keeps its finished pieces in: a file that says what the evaluation is, and
-- one a piece. Every file is written whole or not at all, so that the folder can be gone on with whenever
-- the program was ended, and by several programs at once.

local archive = require "perigee.archive"
local blame = require "perigee.blame"
local native = require "perigee.native"
local printable = native.printable
local whole = require "perigee.evaluate.whole"

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

--- The first of the settings that is another one: a list of { what, text }, in one order.
function checkpoint.difference(before, now)
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

-- What the folder says that it is of: { settings =, plan = what whole.sketch made }; nil and why it cannot be
-- read.
local function evaluation_of(path)
  local ok, values = pcall(archive.read, path)
  if ok and type(values.settings) == "table" then return values end
  if not ok and perigee.interrupted() then error(values, 0) end
  return nil, ok and "it is not an evaluation's" or tostring(values)
end

local function check_settings(path, folder, settings)
  local values, reason = evaluation_of(path)
  if not values then
    blame.fail("%s: checkpoint: %s: what this folder is of cannot be read: %s", WHERE, folder, reason)
  end
  local what, was, is = checkpoint.difference(values.settings, settings)
  if what then
    blame.fail("%s: checkpoint: %s is another evaluation's: its %s is %s, this one's %s; give another folder",
      WHERE, folder, printable(what), printable(was), printable(is))
  end
end

local function new(folder, settings, count)
  local words = {}
  for i, setting in ipairs(settings) do words[i] = setting[1] .. "=" .. setting[2] end
  return setmetatable({ folder = folder, id = table.concat(words, "\n"), count = count }, Checkpoint)
end

local function path_of(folder)
  return folder .. "/evaluation.safetensors"
end

--- Open the plan's folder, or make it, for the evaluation with these settings, a list of { what, text }, and
--- that many pieces.
function checkpoint.open(plan, settings, count)
  local folder = plan.checkpoint
  local made, reason = native.make_folder(folder)
  if not made then blame.fail("%s: checkpoint: %s", WHERE, reason) end
  local path = path_of(folder)
  if not exists(path) then
    local ok, message = pcall(write, path, { settings = settings, plan = whole.sketch(plan) })
    -- several that begin at once on several machines can be in each other's way
    if not ok and (perigee.interrupted() or not exists(path)) then error(message, 0) end
  end
  check_settings(path, folder, settings)
  return new(folder, settings, count)
end

--- What is in a folder that an evaluation was kept in: { settings =, plan = }; nil and why not.
function checkpoint.look(folder)
  if not exists(path_of(folder)) then return nil, "there is no evaluation in it" end
  local values, reason = evaluation_of(path_of(folder))
  if values and values.plan == nil then
    return nil, "an earlier version wrote it: run the evaluation with this checkpoint, which puts it together"
  end
  if values and not whole.is_sound(values.plan) then
    return nil, "what it says of the evaluation is damaged"
  end
  return values, reason
end

--- The folder of that name, which has been looked at, to read pieces from.
function checkpoint.of(folder, settings, count)
  return new(folder, settings, count)
end

-- Up to so many pieces are in the folder itself; of more, so many are in each folder inside.
local PER_FOLDER = 1000

function Checkpoint:folder_of(one)
  if self.count <= PER_FOLDER then return self.folder end
  return ("%s/pieces from %d"):format(self.folder, (one.number - 1) // PER_FOLDER * PER_FOLDER + 1)
end

--- The rows of a piece (pieces.lua), or nil: it is not there yet, or not whole, or another evaluation's, or
--- its file is another piece's that was given its name. Earlier versions wrote no name into it. fits(rows)
--- says whether they can be the piece's.
function Checkpoint:read(one, fits)
  local path = ("%s/%s.safetensors"):format(self:folder_of(one), one.name)
  if not exists(path) then
    path = ("%s/%s.safetensors"):format(self.folder, one.name) -- where earlier versions had it
    if self.count <= PER_FOLDER or not exists(path) then return nil end
  end
  local ok, values = pcall(archive.read, path)
  local its_own = ok and values.of == self.id and (values.name == nil or values.name == one.name)
  return its_own and fits(values.piece) and values.piece or nil
end

function Checkpoint:write(one, rows)
  local folder = self:folder_of(one)
  local made, reason = native.make_folder(folder)
  if not made then blame.fail("%s: checkpoint: %s", WHERE, reason) end
  write(("%s/%s.safetensors"):format(folder, one.name), { of = self.id, name = one.name, piece = rows })
end

return checkpoint

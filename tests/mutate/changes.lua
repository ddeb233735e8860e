-- changes.lua — the changes that some test must notice. Each room has a file in changes/, which returns
--
--   { tests = { "core/test_array", … },                    -- that notice most in this room, quickest first
--     files = { array_conv = { "lua/test_conv_torch" } },  -- and before these in that file (optional)
--     { file = "src/core/array.c", old = "…", new = "…" }, -- what was written, the mistake instead
--     … }
--
-- A change may name in `tests` what should notice it first. The old text must be in its file exactly once.
local M = {}

M.rooms = { "core", "data", "nn", "svm", "classic", "reject", "attack", "files", "plot", "grad", "bind",
  "host", "mpi", "lua" }
M.folder = "tests/mutate/changes/"

local function fnv(text)
  local hash = 0xcbf29ce484222325
  for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
  return ("%08x"):format(hash & 0xffffffff)
end

-- What is known of a change is kept under this: a change that is written anew is tried anew.
local function name_of(change)
  return change.file .. ":" .. fnv(change.old .. "\0" .. change.new)
end

-- The changes of every room, one list; each with its name, its room, and the room's tests.
function M.all()
  local all = {}
  for _, room in ipairs(M.rooms) do
    local list = dofile(M.folder .. room .. ".lua")
    for _, change in ipairs(list) do
      change.name, change.room, change.room_tests = name_of(change), room, list.tests
      change.file_tests = list.files and list.files[change.file:match "([^/]*)%.%a+$"] or {}
      all[#all + 1] = change
    end
  end
  return all
end

-- The place of a text in another that holds it exactly once.
local function once(text, part)
  local from, to = text:find(part, 1, true)
  if not from then return nil, "is not there" end
  if text:find(part, from + 1, true) then return nil, "is there more than once" end
  return from, to
end

function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- The file's text with the change made, or nil and what is wrong with it.
function M.made(change, text)
  if change.old == change.new then return nil, "changes nothing" end
  local from, to = once(text, change.old)
  if not from then return nil, "its old text " .. to end
  return text:sub(1, from - 1) .. change.new .. text:sub(to + 1)
end

-- What is wrong with the changes, a sentence each.
function M.stale(all)
  local wrong, seen = {}, {}
  for _, change in ipairs(all) do
    local here = io.open(change.file, "rb")
    local made, why = nil, "there is no such file"
    if here then
      made, why = M.made(change, here:read "a")
      here:close()
    end
    if seen[change.name] then made, why = nil, "the same change is there twice" end
    seen[change.name] = true
    if not made then
      wrong[#wrong + 1] = ("%s: %s: %s"):format(change.name, why, change.old:match "^%s*([^\n]*)")
    end
  end
  return wrong
end

return M

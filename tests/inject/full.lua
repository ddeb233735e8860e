-- full.lua MODE FOLDER … — every kind of file (kinds.lua) saved over an older one in FOLDER, which has too
-- little room for it or cannot be written. What is then in the file has to be the old content or the new
-- one, nothing beside it, and the error one sentence that names the file and says why. Speaks TAP.
--
--   prepare FOLDER AFTER   puts the older files into FOLDER, and what they shall become into AFTER
--   refused FOLDER REASON  no file can be written there; messages have REASON, a pattern
--   some FOLDER REASON AFTER  small files can be
--   pages FOLDER           it is a small disk of its own, empty, which is filled and freed page by page
--   resume FOLDER          what an evaluation has left there is gone on with

local mode, folder, reason, after = arg[1], arg[2], arg[3], arg[4]
local kinds = dofile "tests/inject/kinds.lua"
local native = require "perigee.native"

local function content(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:flush())
end

local function files_in(place)
  local list <close> = assert(io.popen(("ls -A '%s'"):format(place)))
  return list:read("a"):gsub("\n", " ")
end

-- ---- A disk that is filled by small files, a page each ---------------------------------------------

local page, count = ("x"):rep(4096), 0
local function fill_path(i) return ("%s/fill/%d"):format(folder, i) end
local function fill()
  while true do
    local file <close> = assert(io.open(fill_path(count + 1), "wb"))
    file:setvbuf "no"
    if not file:write(page) then break end
    count = count + 1
  end
  os.remove(fill_path(count + 1))
end
local function free()
  for i = 1, count do os.remove(fill_path(i)) end
  count = 0
end
local function leave(bytes)
  fill()
  for _ = 1, math.min(bytes // #page, count) do
    os.remove(fill_path(count))
    count = count - 1
  end
end
local function sizes_for(bytes)
  local sizes, size = {}, 0
  repeat
    sizes[#sizes + 1] = size
    size = size + (size < 16 * #page and 1 or math.max(1, bytes // #page // 16)) * #page
  until size > bytes + 8 * #page
  return sizes
end

-- ---- A kind --------------------------------------------------------------------------------------

-- What is wrong with a message, or nil. Some pictures are drawn into a file of /tmp first, which may be what
-- is full.
local function wrong_words(message, path)
  if type(message) ~= "string" then return "the error is no string" end
  if message:find("\n", 1, true) then return "more than a line" end
  if message:find "lua/perigee/" then return "a place in the program's own files" end
  local named = message:find(path:match "[^/]*$", 1, true) or message:find "in /tmp"
    or message:find "gnuplot ended with"
  if not named then return "the file is not named" end
  local why = message:find(reason) or message:find "gnuplot's picture is incomplete"
    or message:find "File size limit"
  if not why then return "no reason" end
end

local function is_new(kind, found, before, then_bytes)
  if kind.whole then return found ~= before and kind.whole(found) end
  if kind.varies and mode == "some" then return found ~= before and math.abs(#found - #then_bytes) < 100 end
  return found == then_bytes
end

-- What is wrong after the objects were saved over these bytes, or nil; and whether they could be.
local function try(kind, path, before, objects, then_bytes)
  local ok, message = pcall(kind.save, objects, path)
  free()
  local found = content(path)
  if ok and not then_bytes then
    return "it was written", ok
  elseif ok and not is_new(kind, found, before, then_bytes) then
    return "success is reported, and the file is not the new one", ok
  elseif not ok and found ~= before then
    return "the old file is gone: " .. tostring(message), ok
  end
  local wrong = not ok and wrong_words(message, path)
  return wrong and ("%s: %s"):format(wrong, message) or nil, ok
end

local old, new = kinds.objects(1), kinds.objects(2)

local function objects_for(kind)
  return kind.grows and old or new
end

local function try_sizes(kind, path)
  local objects = objects_for(kind)
  kind.save(old, path)
  local before = content(path)
  kind.save(objects, path)
  local then_bytes = content(path)
  if before == then_bytes then return "the old and the new file are the same: nothing is tried" end
  local list = { "fill", path:match "[^/]*$" }
  table.sort(list)
  local beside = table.concat(list, " ") .. " "
  for _, size in ipairs(sizes_for(#then_bytes)) do
    write(path, before)
    leave(size)
    local wrong, ok = try(kind, path, before, objects, then_bytes)
    if not wrong and files_in(folder) ~= beside then wrong = "there is now " .. files_in(folder) end
    if wrong then return ("with room for %d bytes: %s"):format(size, wrong) end
    if ok then return size == 0 and "it fits into nothing" or nil end
  end
  return "with room enough it was not written"
end

local function check(name)
  local kind, path = kinds.saves[name], folder .. "/" .. name
  if mode ~= "pages" then
    local then_bytes = after and content(after .. "/" .. name)
    return (try(kind, path, content(path), objects_for(kind), then_bytes))
  end
  local wrong = try_sizes(kind, path)
  os.remove(path)
  return wrong
end

-- ---- An evaluation's folder ------------------------------------------------------------------------

local function sweep(place)
  return evaluate.security { models = { net = new.net }, attack = attack.fgsm { norm = "l2" },
    data = new.known, samples = 4, block = 2, repeats = 2, dmax = { 0, 1 }, seed = 1, noise = false,
    checkpoint = place }
end

local function sums(evaluation)
  local list = {}
  for _, cell in ipairs(evaluation.cells) do
    for name, rows in pairs(cell.rows) do
      list[#list + 1] = type(rows) == "userdata" and name .. native.checksum(rows) or nil
    end
  end
  table.sort(list)
  return table.concat(list, " ")
end

local place = folder .. "/sweep"

local function try_sweep()
  local ok, message = pcall(sweep, place)
  free()
  if ok then return mode == "refused" and "it was written" or nil end
  local wrong = wrong_words(message:gsub("sweep/[%w%. -]+", "sweep"), place)
  return wrong and ("%s: %s"):format(wrong, message) or nil
end

-- Gone on with after failures it has the numbers of one that never failed.
local function resume()
  if sums(sweep(place)) ~= sums(sweep(nil)) then return "gone on with it has other numbers" end
  if files_in(place):find "%.part" then return "something half-written stays" end
end

local function sweep_by_pages()
  for size = 0, 5 * #page, #page do
    leave(size)
    local wrong = try_sweep()
    if wrong then return wrong end
  end
  local wrong = resume()
  os.execute(("rm -r '%s'"):format(place))
  return wrong
end

-- ---- All of them -----------------------------------------------------------------------------------

local function report(i, name, wrong)
  local more = wrong and "\n#   " .. wrong or ""
  print(("%s %d %s: %s%s"):format(wrong and "not ok" or "ok", i, mode, name, more))
end

if mode == "prepare" then
  after = reason
  for _, name in ipairs(kinds.names) do
    local kind, path = kinds.saves[name], folder .. "/" .. name
    if kind.grows then
      kind.save(old, after .. "/" .. name)
      write(path, content(after .. "/" .. name))
      kind.save(old, after .. "/" .. name)
    else
      kind.save(old, path)
      kind.save(new, after .. "/" .. name)
    end
  end
  local missing = kinds.missing()
  report(1, "every kind of file that the help knows is known", missing ~= "" and missing or nil)
  print "1..1"
elseif mode == "resume" then
  report(1, "an evaluation is gone on with", resume())
  print "1..1"
else
  if mode == "pages" then
    reason = "No space left on device"
    assert(os.execute(("mkdir '%s/fill'"):format(folder)))
  end
  for i, name in ipairs(kinds.names) do report(i, name, check(name)) end
  report(#kinds.names + 1, "an evaluation's folder", mode == "pages" and sweep_by_pages() or try_sweep())
  print("1.." .. #kinds.names + 1)
end

-- saves.lua FOLDER LIBRARY [all] — files of many kinds (kinds.lua), or of all, saved again and again, each
-- time without memory at another request (failing_malloc.c, which is preloaded). What is then in the file has
-- to be the old content or the new one. Speaks TAP.

local folder, library = arg[1], arg[2]
local fail = assert(package.loadlib(library, "failing_malloc"))
local kinds = dofile "tests/inject/kinds.lua"

local names = {
  "dnr.safetensors", "net.safetensors", "nr.safetensors", "result.csv", "result.safetensors", "session.pgz",
  "svm.safetensors", "x.npy", "x.npz", "x.safetensors",
}
if arg[3] == "all" then
  names = {}
  for _, name in ipairs(kinds.names) do
    if not kinds.saves[name].slow then names[#names + 1] = name end
  end
end

local function content(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local old, new = kinds.objects(1), kinds.objects(2)

local function is_new(kind, found, before, after)
  if kind.whole then return found ~= before and kind.whole(found) end
  return found == after
end

-- Saves over the old file, without memory for `count` requests from the n-th on: what is wrong then, or nil;
-- and whether there were as many requests.
local function try(kind, path, objects, before, after, n, count)
  write(path, before)
  fail(n, count)
  local ok, message = pcall(kind.save, objects, path)
  local reached = fail() >= n
  local found = content(path)
  if found ~= before and not is_new(kind, found, before, after) then
    return ("request %d of %d: the file is destroyed"):format(n, count), reached
  elseif ok and not is_new(kind, found, before, after) then
    return ("request %d of %d: success is reported, and nothing saved"):format(n, count), reached
  elseif not ok and (type(message) ~= "string" or not message:find "[Mm]emory"
    and not message:find "Malloc failure") then
    return ("request %d of %d: %s"):format(n, count, message), reached
  end
  return nil, reached
end

print("1.." .. #names)
for i, name in ipairs(names) do
  local path, kind, wrong, requests = folder .. "/" .. name, kinds.saves[name], nil, 0
  local objects = kind.grows and old or new
  os.remove(path)
  kind.save(old, path)
  local before = content(path)
  kind.save(objects, path)
  local after = content(path)
  for _, count in ipairs { 1, 30 } do
    local n, reached = 0, before ~= after
    while reached and not wrong do
      n = n + 1
      wrong, reached = try(kind, path, objects, before, after, n, count)
    end
    requests = requests + n
  end
  if not wrong and requests < 6 then wrong = "requests were not counted" end
  print(("%s %d %s: %d requests%s"):format(wrong and "not ok" or "ok", i, name, requests,
    wrong and "\n#   " .. wrong or ""))
end

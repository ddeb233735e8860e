-- The readers of tests/fuzz/readers on their seeds, on the cases that once broke one, and on mutations of
-- both, always the same ones: each file is read, or refused in words of the program's own. tests/fuzz/run
-- does it at length.
local lu = require "luaunit"

TestMutatedFiles = {}

local each = 150 -- mutations of a reader's files

local own = perigee.lua_dir

local function bytes_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  file:write(bytes)
end

local function lines_of(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

-- The harnesses read one picture; in Lua it is one of a folder.
local function with_picture(folder)
  return function(path)
    write(folder .. "/class/one.png", bytes_of(path))
    return data.images(folder)
  end
end

-- A file of IDX is one of samples or one of labels: read as either, beside a whole one of the other kind.
local function pair(path)
  local seeds = "tests/fuzz/corpus/idx/"
  local ok, read = pcall(data.idx, path, seeds .. "labels")
  return ok and read or data.idx(seeds .. "images", path)
end

local function cifar(path)
  local ok, read = pcall(data.cifar10, "test", { path = path })
  return ok and read or data.cifar100("test", { path = path })
end

local list_files = "ls tests/fuzz/corpus/%s/* tests/fuzz/cases/%s/* 2> /dev/null"

-- Name → { what reads a path, its seeds and cases }.
local function readers(folder)
  local found, count = {}, 0
  local environment = { images = with_picture(folder), pair = pair, cifar = cifar }
  setmetatable(environment, { __index = _G })
  for line in io.lines "tests/fuzz/readers" do
    local name, call = line:match "^(%l+)%s+%l+%s+(.+)$"
    if name then
      local made = assert(load("local path = ... return " .. call, "=" .. name, "t", environment))
      local files = lines_of(list_files:format(name, name))
      found[name] = { read = made, files = files }
      count = count + 1
    end
  end
  return found, count
end

-- The same numbers whatever else draws some.
local function generator(seed)
  local state = seed
  return function(n)
    state = (state * 6364136223846793005 + 1442695040888963407) & -1
    return (state >> 33) % n + 1
  end
end

local words = { "\0", "\255", "-1", "1e999", "nan", "99999999999", "[]", "{}", "null", "true", '"', ",", "\n",
  "\27[", "\255\255\255\127", "\0\0\0\128", "0", "." }

local change = {}

function change.flip(bytes, draw)
  local at = draw(#bytes)
  return bytes:sub(1, at - 1) .. string.char(draw(256) - 1) .. bytes:sub(at + 1)
end

function change.put(bytes, draw)
  local at, word = draw(#bytes), words[draw(#words)]
  return bytes:sub(1, at - 1) .. word .. bytes:sub(at + #word)
end

function change.insert(bytes, draw)
  local at = draw(#bytes + 1)
  return bytes:sub(1, at - 1) .. words[draw(#words)] .. bytes:sub(at)
end

function change.cut(bytes, draw) return bytes:sub(1, draw(#bytes) - 1) end

function change.drop(bytes, draw)
  local at = draw(#bytes)
  return bytes:sub(1, at - 1) .. bytes:sub(at + draw(8))
end

function change.double(bytes, draw)
  local first = draw(#bytes)
  local last = first + draw(40)
  return bytes:sub(1, last) .. bytes:sub(first)
end

local kinds = { "flip", "put", "insert", "cut", "drop", "double", "flip", "put" }

-- A safetensors file's header, with the length that is its own afterwards: what is in it is reached.
local function within_header(bytes, how, draw)
  local length = #bytes >= 8 and string.unpack("<I8", bytes) or -1
  if length <= 0 or length > #bytes - 8 or draw(3) == 1 then return how(bytes, draw) end
  return string.pack("<s8", how(bytes:sub(9, 8 + length), draw)) .. bytes:sub(9 + length)
end

local function mutated(bytes, draw)
  for _ = 1, draw(2) do
    if bytes == "" then return bytes end
    bytes = within_header(bytes, change[kinds[draw(#kinds)]], draw)
  end
  return bytes
end

-- What is wrong with how this file was read; nil: nothing.
local function fault(read, path)
  local ok, message = pcall(read, path)
  if ok then return nil end
  if type(message) ~= "string" then return "it raised a " .. type(message) end
  if message:find(own, 1, true) then return "Lua's words: " .. message end
  if message:find "[\0-\8\11-\31]" then return "what a terminal would obey: " .. message end
  return #message < 20 and "no sentence: " .. message or nil
end

local function try(name, reader, path)
  local draw = generator(#name)
  for _, file in ipairs(reader.files) do
    local wrong = fault(reader.read, file)
    if wrong then lu.fail(("%s: %s: %s"):format(name, file, wrong)) end
  end
  for i = 1, each do
    local bytes = mutated(bytes_of(reader.files[(i - 1) % #reader.files + 1]), draw)
    write(path, bytes)
    local wrong = fault(reader.read, path)
    if wrong then lu.fail(("%s, mutation %d: %s\n%q"):format(name, i, wrong, bytes)) end
  end
end

-- f(folder) with a folder that goes again.
local function with_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute(("mkdir -p '%s/class'"):format(folder)))
  local ok, message = pcall(f, folder)
  os.execute(("rm -r '%s'"):format(folder))
  if not ok then error(message, 0) end
end

function TestMutatedFiles.test_all()
  with_folder(function(folder)
    local found, count = readers(folder)
    lu.assertTrue(count >= 13)
    for name, reader in pairs(found) do
      lu.assertTrue(#reader.files > 0, name .. " has no seeds")
      try(name, reader, folder .. "/file")
    end
  end)
end

local place = '"shape":(%b[]),"data_offsets":%[(%d+),(%d+)%]'

-- A safetensors file for each of its matrices, in which that has 2^40 rows of nothing, and no bytes.
local function with_rows_of_nothing(bytes)
  local length = string.unpack("<I8", bytes)
  local header, rest, all = bytes:sub(9, 8 + length), bytes:sub(9 + length), {}
  for shape, first, last in header:gmatch(place) do
    local _, commas = shape:gsub(",", "")
    local from, to = tonumber(first), tonumber(last)
    local changed = header:gsub(place, function(other, i, j)
      i, j = tonumber(i), tonumber(j)
      if i == from and j == to then other, j = ("[%d%s]"):format(1 << 40, (",0"):rep(commas)), i end
      if i >= to then i, j = i - (to - from), j - (to - from) end
      return ('"shape":%s,"data_offsets":[%d,%d]'):format(other, i, j)
    end)
    if commas > 0 then
      all[#all + 1] = string.pack("<s8", changed) .. rest:sub(1, from) .. rest:sub(to + 1)
    end
  end
  return all
end

-- Neither memory nor time for what no bytes stand for.
function TestMutatedFiles.test_rows_of_nothing()
  with_folder(function(folder)
    local found, tried = readers(folder), 0
    for _, name in ipairs { "model", "result" } do
      for _, file in ipairs(found[name].files) do
        for _, bytes in ipairs(with_rows_of_nothing(bytes_of(file))) do
          write(folder .. "/file", bytes)
          local ok, message = pcall(found[name].read, folder .. "/file")
          if ok or message:find "memory" then lu.fail(("%s: %s"):format(file, message)) end
          tried = tried + 1
        end
      end
    end
    lu.assertTrue(tried > 40)
  end)
end

-- What is tried begins from files that are read.
function TestMutatedFiles.test_seeds_are_read()
  with_folder(function(folder)
    for name, reader in pairs((readers(folder))) do
      local read = 0
      for _, file in ipairs(reader.files) do
        if pcall(reader.read, file) then read = read + 1 end
      end
      lu.assertTrue(2 * read >= #reader.files, ("%s: %d of %d"):format(name, read, #reader.files))
    end
  end)
end

-- Every harness has its line in the table, and every folder of seeds or cases.
function TestMutatedFiles.test_table()
  local text = bytes_of "tests/fuzz/readers"
  for _, file in ipairs(lines_of "ls tests/fuzz/fuzz_*.c") do
    local harness = file:match "fuzz_(%w+)%.c$"
    lu.assertStrContains(text, (" %s "):format(harness))
  end
  for _, folder in ipairs(lines_of "ls -d tests/fuzz/corpus/* tests/fuzz/cases/*") do
    lu.assertStrContains("\n" .. text, ("\n%s "):format(folder:match "[^/]+$"))
  end
end

-- tree.lua — a copy of the checkout in which changes are made, with a build folder of its own.
local changes = dofile "tests/mutate/changes.lua"
local M = {}

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
M.quoted = quoted

local function lines_of(command)
  local lines, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end
M.lines_of = lines_of

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end
M.write = write

local listing = "find . -type f -not -path './build/*' -not -path './.git*' -not -path './data/*'"

-- A file's text, or nil if there is none.
local function text_of(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

-- The folders of these paths, made under another folder by one command.
local function make_folders(under, paths)
  local command = ("mkdir -p %s && cd %s && xargs -0 mkdir -p"):format(quoted(under), quoted(under))
  local pipe, seen = assert(io.popen(command, "w")), {}
  for _, path in ipairs(paths) do
    local folder = path:match "^(.*)/"
    if not seen[folder] then pipe:write(folder, "\0") end
    seen[folder] = true
  end
  assert(pipe:close())
end

-- Make the copy what the checkout is. Only what differs is written: its time is new, and make compiles it.
function M.refresh(tree)
  local paths, wanted, executable = lines_of(listing), {}, {}
  make_folders(tree, paths)
  for _, path in ipairs(lines_of(listing .. " -perm -u+x")) do executable[path] = true end
  for _, path in ipairs(paths) do
    wanted[path] = true
    local text, copy = changes.read(path), tree .. "/" .. path
    if text_of(copy) ~= text then
      write(copy, text)
      if executable[path] then os.execute("chmod +x " .. quoted(copy)) end
    end
  end
  for _, path in ipairs(lines_of(("cd %s && %s"):format(quoted(tree), listing))) do
    if not wanted[path] then os.remove(tree .. "/" .. path) end
  end
end

-- ---- Building ------------------------------------------------------------------------------------
--
-- The copy is built once by make. A change is compiled by itself and linked before the library, whose own
-- object of that file is left alone then: neither make nor ar looks at the rest again.

-- What the Makefile would compile and link with.
local questions = [[
include Makefile
$(info flags $(ALL_CPPFLAGS) $(ALL_CFLAGS))
$(info link $(ALL_LDFLAGS))
$(info core $(CORE_LIBS) $(shell $(PKG_CONFIG) --libs cmocka))
$(info host $(HOST_LIBS) $(CORE_LIBS))
$(info objects $(BIN_OBJ))
$(info tests $(TEST_SRC:%.c=$(BUILD)/obj/%.o))
told:
	@:
]]

local Tree = {}
Tree.__index = Tree

local function run(self, command)
  local log = self.folder .. "/build/mutate.log"
  local ok = os.execute(("cd %s && { %s; } > build/mutate.log 2>&1"):format(quoted(self.folder), command))
  if not ok then error({ words = changes.read(log) }, 0) end
end

-- The copy in a folder, built.
function M.open(folder)
  local self = setmetatable({ folder = folder }, Tree)
  M.refresh(folder)
  local has_gold = os.execute "command -v ld.gold > /dev/null" -- which is quick
  self.linker = has_gold and "-fuse-ld=gold -Wl,-S" or "-Wl,-S"
  os.execute("mkdir -p " .. quoted(folder) .. "/build " .. quoted(folder) .. "/mutant")
  write(folder .. "/build/questions.mk", questions)
  local command = ("cd %s && make -s -f build/questions.mk told"):format(quoted(folder))
  for _, line in ipairs(lines_of(command)) do
    local name, value = line:match "^(%a+) (.*)$"
    if name then self[name] = value end
  end
  local cc = os.execute "command -v ccache > /dev/null" and "ccache gcc" or "gcc"
  run(self, ("make -s CC=%s build/perigee %s"):format(quoted(cc), self.tests))
  return self
end

-- Compile the file as it is in the copy now.
function Tree:compile(file)
  run(self, ("rm -rf mutant/* && gcc %s -c -o mutant/object.o %s"):format(self.flags, file))
  self.changed = "build/obj/" .. file:gsub("%.c$", ".o")
end

-- No change is in it any more.
function Tree:forget()
  self.changed = nil
end

-- The path of the program, or of a C test, with the change that was compiled, or without any.
function Tree:program(test)
  local folder = self.changed and "mutant" or "build"
  local name = test and "/tests/" .. test or "/perigee"
  local path = folder .. name
  local there = io.open(self.folder .. "/" .. path, "rb")
  if there then there:close() return path end
  local object = self.changed and "mutant/object.o" or ""
  if test then
    local objects = ("build/obj/tests/core/%s.o %s build/libperigee.a"):format(test, object)
    run(self, ("mkdir -p %s/tests && gcc %s %s -o %s %s %s"):format(folder, self.linker, self.link, path,
      objects, self.core))
  else
    local objects = {}
    for each in self.objects:gmatch "%S+" do
      if each ~= self.changed then objects[#objects + 1] = each end
    end
    objects = table.concat(objects, " ") .. " " .. object .. " build/libperigee.a"
    run(self, ("gcc %s %s -o %s %s %s"):format(self.linker, self.link, path, objects, self.host))
  end
  return path
end

return M

-- load, dofile and require ran precompiled Lua, which nothing checks: a stranger's file could take over.

local lu = require "luaunit"

TestBytecode = {}

local refused = "load: precompiled Lua is refused; load its text"
local bytes = string.dump(function() return "ran" end)

local function with_file(text, f)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  file:flush()
  f(path)
  os.remove(path)
end

function TestBytecode:test_load()
  local pieces = { bytes:sub(1, 9), bytes:sub(10) }
  for _, mode in ipairs { "b", "bt" } do
    lu.assertEquals({ load(bytes, "chunk", mode) }, { nil, refused })
  end
  lu.assertEquals({ load(bytes) }, { nil, refused })
  lu.assertNil((load(function() return table.remove(pieces, 1) end)))
end

function TestBytecode:test_texts_load_as_ever()
  lu.assertEquals(load "return 1 + 1"(), 2)
  lu.assertEquals(load("return x", "chunk", "t", { x = 3 })(), 3)
  lu.assertEquals(load("return x", "chunk", nil, { x = 3 })(), 3)
  lu.assertErrorMsgContains("attempt to index a nil value", load("return x.y", "chunk", "bt", {}))
  local chunk, message = load("return +", "=chunk")
  lu.assertNil(chunk)
  lu.assertStrContains(message, "chunk:1:")
  lu.assertErrorMsgContains("bad argument", load, {})
  with_file("return ..., 2", function(path)
    lu.assertEquals(select(2, dofile(path)), 2)
    lu.assertEquals(loadfile(path)(7), 7)
  end)
  lu.assertErrorMsgContains("No such file", dofile, "/nowhere/file.lua")
  lu.assertNil((loadfile "/nowhere/file.lua"))
end

function TestBytecode:test_files()
  with_file(bytes, function(path)
    lu.assertErrorMsgContains("dofile: precompiled Lua is refused", dofile, path)
    lu.assertEquals({ loadfile(path) }, { nil, "loadfile: precompiled Lua is refused; load its text" })
    lu.assertEquals({ loadfile(path, "b") }, { nil, "loadfile: precompiled Lua is refused; load its text" })
  end)
end

function TestBytecode:test_require()
  local before, folder = package.path, os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  package.path = folder .. "/?.lua"
  for name, text in pairs { compiled_module = bytes, text_module = "return { name = ... }" } do
    local file <close> = assert(io.open(folder .. "/" .. name .. ".lua", "wb"))
    file:write(text)
  end
  lu.assertErrorMsgContains("require: precompiled Lua is refused", require, "compiled_module")
  lu.assertEquals(require "text_module".name, "text_module")
  lu.assertErrorMsgContains("module 'no_module' not found", require, "no_module")
  package.path = before
  os.execute("rm -r " .. folder)
end

-- The Lua half of the library perigee.

local missing = require "perigee.missing"

missing.settings.perigee = {
  pager = function(...) return require("perigee.pager").setting(...) end,
}

local blame = require "perigee.blame"
local records = require "perigee.records"

local load_in_c = perigee.load

--- A model or a result from its file, or what a table of the program's has saved.
function perigee.load(path)
  local ok, found = pcall(load_in_c, path)
  if ok then return found end
  if type(path) == "string" and not perigee.interrupted() and type(found) == "string" then
    local record, reason = records.load(path)
    if record ~= nil then return record end
    if not reason then blame.fail("perigee.load: %s holds variables: restore(path) sets them", path) end
  end
  if type(found) ~= "string" or perigee.interrupted() then error(found, 0) end
  blame.fail("%s", found)
end

--- The session's facts on one line, as figures carry them: "perigee 0.1.0 (6841313), seed 0, 2 threads,
--- OpenBLAS 0.3.21 (SkylakeX), libsvm 3.24, Lua 5.4.4".
function perigee.header()
  local facts = perigee.facts()
  local revision = facts.revision ~= "" and (" (%.50s)"):format(facts.revision) or ""
  return ("perigee %s%s, seed %d, %d thread%s, OpenBLAS %s (%.40s), libsvm %s, Lua %s"):format(facts.version,
    revision, facts.seed, facts.threads, facts.threads == 1 and "" or "s", facts.blas, facts.blas_core,
    facts.libsvm, facts.lua)
end

return perigee

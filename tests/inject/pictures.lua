-- pictures.lua FOLDER REASON — pictures of every form over older files in FOLDER, by a gnuplot that does not
-- do what it should (gnuplots.sh): each must be refused in one sentence with REASON, a pattern, and leave the
-- older file alone. Speaks TAP.

local folder, reason = arg[1], arg[2]
local timeout = reason:find "too long" and 0.5 or 60
local small = data.digits(2, { seed = 1 })
local result = attack.fgsm({ model = nn.load "mnist-cnn", dmax = 0.1 }):run(small)

local function content(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local pictures, way = {}, os.getenv "BAD_GNUPLOT"
if not (way == "garbage" or way == "half") then -- of which letters could consist
  pictures[1] = { "text", function() plot.loss({ 3, 2, 1 }, { terminal = "text", timeout = timeout }) end }
end
local all = os.getenv "PERIGEE_STARVE" == "long"
for ending in (all and "png pdf svg tex html" or "png tex"):gmatch "%w+" do
  pictures[#pictures + 1] = { "loss." .. ending,
    function(path) plot.loss({ 3, 2, 1 }, { file = path, timeout = timeout }) end }
end
pictures[#pictures + 1] = { "images.png",
  function(path) plot.images(small, { file = path, timeout = timeout }) end }
if all and (way == "dies" or way == "garbage") then -- a report has a minute
  pictures[#pictures + 1] = { "report.html", function(path) evaluate.report(result, path) end }
end

local function wrong_with(draw, path)
  local file <close> = assert(io.open(path, "wb"))
  file:write "old"
  file:flush()
  local ok, message = pcall(draw, path)
  if ok then return "it was drawn" end
  if content(path) ~= "old" then return "the old file is gone" end
  if type(message) ~= "string" or message:find("\n", 1, true) or message:find "lua/perigee/"
    or message:find "/tmp/lua_" or not message:find(reason) then
    return message
  end
end

print("1.." .. #pictures + 1)
for i, picture in ipairs(pictures) do
  local wrong = wrong_with(picture[2], folder .. "/" .. picture[1])
  print(("%s %d %s%s"):format(wrong and "not ok" or "ok", i, picture[1], wrong and "\n#   " .. wrong or ""))
end
local list <close> = io.popen(("ls -A '%s' | wc -l"):format(folder))
local count = tonumber(list:read "a")
print(("%s %d nothing beside them"):format(count == #pictures and "ok" or "not ok", #pictures + 1))

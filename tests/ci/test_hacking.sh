# What HACKING.md says of adding one of each: its files and lines go into a copy of the tree, which builds
# with them, and the tests that find what they test through the tables pass.
. tests/cli/tap.sh

page=$PWD/HACKING.md copy=$work/copy
mkdir -p "$copy/build"
cp -a Makefile src lua tests "$copy"
for part in obj tests libperigee.a perigee flags revision.h; do cp -a "$BUILD/$part" "$copy/build"; done
compiler=$(sed 's/ -I.*//' "$BUILD/flags")
cd "$copy" || exit 1
# Half of the files see a changed table; little optimisation, and nothing for debuggers, will do for these. The
# others stay what they are, as the flags seem not to have changed.
sed -i 's/ -O3 / -O1 -g0 /' build/flags
touch -t 200001010000 build/flags

# <!-- file PATH --> and a fenced block: the file. <!-- line PATH WORDS --> and one: lines behind the
# first line with these words; in a macro's table behind its first entry, with a backslash each.
awk -v copy="$copy" '
    /^<!-- (file|line) / {
        what = $2; path = copy "/" $3
        words = $0; sub(/^<!-- [a-z]+ [^ ]+ ?/, "", words); sub(/ ?-->$/, "", words)
        next
    }
    /^```/ { if (inside) { inside = 0; what = "" } else if (what) { inside = 1; block++ } else { skip = !skip } next }
    inside && what == "file" { print > path }
    inside && what == "line" { print path "\t" words "\t" block "\t" $0 > copy "/lines" }
' "$page"
awk -F'\t' '{ key = $1 FS $2; if (!(key in text)) order[++n] = key; text[key] = text[key] $4 "\n" }
    END {
        for (k = 1; k <= n; k++) {
            split(order[k], at, FS); out = ""; done = 0
            while ((getline line < at[1]) > 0) {
                out = out line "\n"
                if (done || !index(line, at[2])) continue
                done = 1; more = text[order[k]]
                if (line ~ /\\$/) {
                    gsub(/\n/, " \\\n", more)
                    if ((getline line < at[1]) > 0) out = out line "\n"
                }
                out = out more
            }
            close(at[1]); printf "%s", out > at[1]; close(at[1])
            if (!done) print "no line has: " at[2]
        }
    }' lines > "$work/missing"
check_equal "every line has its place" "$(cat "$work/missing")" ""

programs=$(cd tests/core && ls test_layer*.c test_kernel.c test_objective.c test_attack.c | sed "s/\.c$//")
out=$(env -u MAKEFLAGS -u MFLAGS make -s -j"$(nproc 2> /dev/null || echo 2)" CC="$compiler" OPTIMIZE='-O1 -g0' build/perigee \
    $(for test in $programs; do echo "build/tests/$test"; done) 2> "$work/err")
status=$?
err=$(head -20 "$work/err")
check "the copy builds without a warning" [ "$status" = 0 -a -z "$err" ]

names="$(for test in $programs; do echo "core/$test"; done) lua/test_help lua/test_nn lua/test_attack lua/test_svm"
for file in tests/*/test_*; do
    case " $(echo $names) " in *" $(expr "$file" : 'tests/\(.*\)\..*') "*) ;; *) rm "$file" ;; esac
done
out=$(env -u CI tests/run build 2> "$work/err")
status=$? err=$(cat "$work/err")
for name in $names; do
    check "$name with the new ones" sh -c "echo '$(echo "$out" | grep "^$name ")' | grep ' passed' | grep -qv FAILED"
done
check "all of them ran, and nothing else" [ "$status" = 0 -a "$(echo "$out" | grep -c '^[a-z]*/')" = "$(echo $names | wc -w)" ]

cat > "$work/all.lua" <<'END'
local digits = data.digits(40, { seed = 1, classes = { 3, 7 } })
local net = nn.new { input = { 1, 28, 28 }, classes = { 3, 7 }, seed = 1,
  nn.flatten {}, nn.linear { out = 8 }, nn.softsign { bound = 2 }, nn.linear { out = 2 } }
nn.train(net, digits, { epochs = 3, seed = 1 })
local classifier = svm.new { kernel = svm.chi2 { gamma = 0.1 } }:fit(digits)
local path = os.tmpname()
for _, model in ipairs { net, classifier } do
  assert(array.equal(perigee.load(model:save(path)):scores(digits), model:scores(digits)))
end
os.remove(path)
local still = attack.still { model = net, dmax = 1 }:run(digits)
assert(array.equal(still.x_adv, digits.x))
local pgd = attack.pgd { model = classifier, dmax = 1, objective = "truth", max_iter = 5 }:run(digits)
print(pgd:counts().evaded >= 0, plot.histogram({ 1, 2, 2, 3 }, { terminal = "text" }) == nil)
END
out=$(build/perigee --quiet "$work/all.lua" 2> "$work/err")
status=$? err=$(tail -5 "$work/err")
check_match "all of them work in a script" "$out" "*true	true"
finish

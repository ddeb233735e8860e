# A page of evaluate.report in a browser: nothing complains, nothing is fetched, figures and tables are there.
. tests/cli/tap.sh

if ! command -v gnuplot > /dev/null; then
    skip "evaluate.report" "no gnuplot"
    finish
    exit
fi
cat > "$work/script.lua" << 'EOF'
local digits = data.digits(12, { seed = 1 })
local net = nn.load("mnist-cnn")
local pgd = attack.pgd { norm = "l2", max_iter = 10 }
local security = evaluate.security {
  models = { ["a <net> & more"] = net, nr = reject.new { model = net, threshold = 5 } },
  attack = pgd, data = digits, samples = 6, repeats = 2, dmax = { 0, 1, 2 }, seed = 1,
}
local result = pgd:with({ model = net, dmax = 1 }):run(digits)
print(evaluate.report({ security, result, evaluate.diagnose(result) }, arg[1]))
EOF
run_perigee --quiet "$work/script.lua" "$work/report.html"
check_equal "the page is written" "$out" "$work/report.html"

# Another program's judgement: it is XML as well.
if command -v xmllint > /dev/null; then
    check "it is well-formed" xmllint --noout --nonet "$work/report.html"
else
    skip "it is well-formed" "no xmllint"
fi

for browser in chromium chromium-browser google-chrome ''; do
    command -v "$browser" > /dev/null && break
done
if [ -z "$browser" ]; then
    skip "in a browser" "no chromium"
    finish
    exit
fi

# What the browser makes of a page, in $out; what its console says, in $console.
open_page() {
    out=$(timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" \
        --enable-logging=stderr --dump-dom "file://$1" 2> "$work/err")
    console=$(grep CONSOLE "$work/err")
}

open_page "$work/report.html"
check_match "it is shown whole" "$out" "*<footer>*</footer>*"
check_equal "three figures" "$(printf %s "$out" | grep -o '<svg ' | wc -l | tr -d ' ')" 3
check_match "tables have heads" "$out" "*<table><thead><tr><th*</thead>*"
check_match "names are text" "$out" "*>a &lt;net&gt; &amp; more</th>*"
check_equal "the console says nothing" "$console" ""

# It would: the page lets nothing run and nothing be fetched.
sed 's|</main>|<img src="http://localhost:9/a.png"><script>1</script></main>|' "$work/report.html" > "$work/bad.html"
open_page "$work/bad.html"
check_match "what would be fetched is refused" "$console" "*violates*img-src*"
check_match "what would be run is refused" "$console" "*violates*script-src*"

finish

// Looks at report pages as their readers do: in a browser, wide and narrow, light and dark, printed.
// check.mjs TOOLS PAGE…: TOOLS holds node_modules; each PAGE is a report.html.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [tools, ...pages] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(tools, "x.js")));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
let wrong = 0;
let held = 0;
const hold = (good, what) => {
  if (good) held += 1;
  else {
    wrong += 1;
    console.error(what);
  }
};

for (const file of pages) {
  for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [320, "light"]]) {
    const name = `${file} ${width} ${scheme}`;
    const page = await browser.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("request", (request) => !/^(file|about):/.test(request.url()) && complaints.push(`asked for ${request.url()}`));
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const began = Date.now();
    await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
    const took = Date.now() - began;
    hold(complaints.length === 0, `${name}: ${complaints.join("; ")}`);
    hold(took < 5000, `${name}: took ${took} ms to load`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    hold(over <= 0, `${name}: ${over} px wider than the window`);
    await page.evaluate(axe);
    const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }), rules);
    for (const violation of found.violations) {
      console.error(`${name}: ${violation.id}: ${violation.help}: ${violation.nodes.length} times, first ${violation.nodes[0].html.slice(0, 200)}`);
    }
    hold(found.violations.length === 0, `${name}: ${found.violations.length} violations`);
    const levels = await page.evaluate(() => [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((heading) => +heading.tagName[1]));
    hold(levels[0] === 1 && levels.every((level, at) => at === 0 || level <= levels[at - 1] + 1), `${name}: a heading level is skipped`);
    if (width === 1280 && scheme === "light") {
      // Sorting and filtering work under the page's own policy.
      const sorted = await page.evaluate(() => {
        const button = document.querySelector("th button");
        if (!button) return null;
        button.click();
        return button.closest("th").getAttribute("aria-sort");
      });
      hold(sorted === null || sorted === "ascending", `${name}: a click does not sort`);
      await page.type("nav input", "zzzz");
      hold((await page.$$eval("nav li", (items) => items.filter((item) => !item.hidden).length)) === 0, `${name}: the filter does not filter`);
      const pdf = await page.pdf({ preferCSSPageSize: true, tagged: true, outline: true });
      writeFileSync(`${file}.pdf`, pdf);
    }
    await page.close();
  }
  // Without any script, every word is still there.
  const words = async (script) => {
    const page = await browser.newPage();
    await page.setJavaScriptEnabled(script);
    await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
    const text = await page.$eval("main", (main) => main.textContent);
    await page.close();
    return text;
  };
  hold((await words(true)) === (await words(false)), `${file}: the script changes what is said`);
}
await browser.close();
console.log(`page: ${held} of ${held + wrong} hold`);
process.exit(wrong ? 1 : 0);

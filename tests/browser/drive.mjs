// Drives Chromium for a test: a command in JSON on each line of stdin, its answer on a line of stdout. Ends, with the browser,
// when stdin does.
import { createInterface } from "node:readline";

const { chromium } = await import(`file://${process.env.DOSSIER_PLAYWRIGHT}/index.mjs`);
const TIMEOUT_MS = 20_000;

const browser = await chromium.launch({
  executablePath: process.env.DOSSIER_CHROMIUM,
  args: [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  ],
});
const tabs = new Map();

const open = async ({ tab, of, width = 1280, height = 800, dark = false, locale = "en-GB", script }) => {
  let { context } = tabs.get(of) ?? {};
  if (!context) {
    context = await browser.newContext({
      viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale,
      isMobile: width < 600, hasTouch: width < 600, deviceScaleFactor: width < 600 ? 2 : 1,
    });
    context.setDefaultTimeout(TIMEOUT_MS);
    if (script) await context.addInitScript(script);
  }
  const page = await context.newPage();
  const sockets = [];
  const errors = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  const said = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => said.push(message.text()));
  page.on("requestfailed", (request) => said.push(`${request.method()} ${request.url()}: ${request.failure()?.errorText}`));
  tabs.set(tab, { context, page, sockets, errors, said });
};

const commands = {
  open,
  goto: ({ page }, { url }) => page.goto(url).then(() => null),
  reload: ({ page }) => page.reload().then(() => null),
  wait: ({ page }, { at, text, gone }) => {
    const found = text === undefined ? page.locator(at) : page.locator(at, { hasText: text });
    return found.first().waitFor({ state: gone ? "hidden" : "visible" }).then(() => null);
  },
  click: ({ page }, { at }) => page.locator(at).first().click().then(() => null),
  fill: ({ page }, { at, text }) => page.locator(at).first().fill(text).then(() => null),
  press: ({ page }, { key }) => page.keyboard.press(key).then(() => null),
  type: ({ page }, { text }) => page.keyboard.type(text).then(() => null),
  texts: ({ page }, { at }) => page.locator(at).allTextContents(),
  evaluate: ({ page }, { script }) => page.evaluate(script),
  offline: ({ context }, { on }) => context.setOffline(on).then(() => null),
  shot: ({ page }, { path }) => page.screenshot({ path }).then(() => null),
  seen: ({ sockets, errors }) => ({ sockets, errors }),
  close: async ({ page }, { tab }) => {
    await page.close();
    tabs.delete(tab);
    return null;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  const command = JSON.parse(line);
  try {
    const run = commands[command.do];
    answer = { ok: (command.do === "open" ? await run(command) : await run(tabs.get(command.tab), command)) ?? null };
  } catch (error) {
    answer = { error: [error, ...(tabs.get(command.tab)?.said ?? [])].join("\n") };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();

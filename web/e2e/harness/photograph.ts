// Pictures of a page as people see it: light and dark, English and Korean, and on a phone. They are for looking at
// (`artefacts/pages/`); what is checked by itself is that axe-core finds nothing serious in any of them and that nothing hangs over the edge.
import type { Page } from "@playwright/test";
import { accessible, expect, settled, test } from "./test.ts";

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

interface Look {
  theme: "light" | "dark";
  language: "en" | "ko";
  size: { width: number; height: number };
}

const LOOKS: Look[] = [
  { theme: "light", language: "en", size: WIDE },
  { theme: "dark", language: "en", size: WIDE },
  { theme: "light", language: "ko", size: WIDE },
  { theme: "dark", language: "ko", size: WIDE },
  { theme: "light", language: "en", size: PHONE },
  { theme: "dark", language: "ko", size: PHONE },
];

/** Takes the page that is open in every look. `ready` waits for what the page is about, after each reload. */
export async function photograph(page: Page, name: string, ready?: () => Promise<void>): Promise<void> {
  test.slow(); // six pages in one test
  for (const { theme, language, size } of LOOKS) {
    await page.setViewportSize(size);
    await page.evaluate(
      ([theme, language]) => {
        localStorage.setItem("descent.theme", theme);
        localStorage.setItem("descent.language", language);
      },
      [theme, language] as const,
    );
    await page.reload();
    await settled(page);
    await ready?.();
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
    await expect(page.locator("html")).toHaveAttribute("lang", language);
    const where = size === PHONE ? "phone" : "wide";
    await page.screenshot({ path: `artefacts/pages/${name}-${where}-${theme}-${language}.png`, fullPage: true, animations: "disabled" });
    const overhang = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overhang, `${name} scrolls sideways at ${size.width} px`).toBeLessThanOrEqual(0);
    await accessible(page);
  }
  await page.setViewportSize(WIDE);
}

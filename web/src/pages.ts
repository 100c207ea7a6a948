// Every page of the dashboard: its address, its place in the navigation, its code. A page is loaded when it is first visited.
import {
  Activity,
  Box,
  Database,
  GitCompareArrows,
  House,
  type IconNode,
  Plus,
  Shapes,
  SlidersHorizontal,
  TrendingDown,
} from "lucide";
import type { ComponentType } from "preact";
import type { PlainKey } from "./i18n";

export interface PageProps {
  /** What stands in the address where the pattern has a `:name`. */
  params: Record<string, string>;
  /** What stands behind the `?`. */
  query: URLSearchParams;
}

export interface PageEntry {
  pattern: string;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
  /** Pages without a title are reached from another page and are not in the navigation. */
  nav?: { title: PlainKey; icon: IconNode };
}

export const pages: PageEntry[] = [
  { pattern: "/", load: () => import("./pages/home/Home"), nav: { title: "nav.home", icon: House } },
  { pattern: "/datasets", load: () => import("./pages/datasets/Datasets"), nav: { title: "nav.datasets", icon: Database } },
  { pattern: "/datasets/:id", load: () => import("./pages/datasets/Dataset") },
  { pattern: "/new", load: () => import("./pages/newrun/NewRun"), nav: { title: "nav.new_run", icon: Plus } },
  { pattern: "/runs", load: () => import("./pages/runs/Runs"), nav: { title: "nav.runs", icon: Activity } },
  { pattern: "/compare", load: () => import("./pages/compare/Compare"), nav: { title: "nav.compare", icon: GitCompareArrows } },
  { pattern: "/sweeps", load: () => import("./pages/sweeps/Sweeps"), nav: { title: "nav.sweeps", icon: SlidersHorizontal } },
  { pattern: "/sweeps/new", load: () => import("./pages/sweeps/NewSweep") },
  { pattern: "/sweeps/:id", load: () => import("./pages/sweeps/Sweep") },
  { pattern: "/descent", load: () => import("./pages/descent/Choose"), nav: { title: "nav.descent", icon: TrendingDown } },
  { pattern: "/descent/:id", load: () => import("./pages/descent/Descent") },
  { pattern: "/models", load: () => import("./pages/models/Models"), nav: { title: "nav.models", icon: Box } },
  { pattern: "/models/:name", load: () => import("./pages/models/Model") },
  { pattern: "/runs/:id", load: () => import("./pages/run/Run") },
  { pattern: "/playground", load: () => import("./pages/playground/Playground"), nav: { title: "nav.playground", icon: Shapes } },
];

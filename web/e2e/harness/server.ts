// The real server, on a free port, with a data folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const BINARY = process.env.DESCENT_BINARY ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug/descent");

/** Files of `examples/`, for uploads. */
export const example = (name: string): string => join(ROOT, "examples", name);

/** Only what keeps tests from disturbing each other: they all come from one address. */
const SETTINGS = { DESCENT_FAILED_SIGN_INS_PER_MIN: "10000", DESCENT_FREE_SPACE_FLOOR_BYTES: "0" };

export class Server {
  private constructor(
    readonly folder: string,
    private readonly settings: Record<string, string>,
    private child: ChildProcess,
    /** `http://127.0.0.1:<port>` */
    readonly url: string,
    /** The sign-in link, where this start printed one. */
    readonly link: string | undefined,
    /** Text of the admin token. */
    readonly token: string,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    return Server.on(await mkdtemp(join(tmpdir(), "descent-e2e-")), "127.0.0.1:0", settings);
  }

  private static async on(folder: string, listen: string, settings: Record<string, string>): Promise<Server> {
    const child = spawn(BINARY, ["serve", "--listen", listen, "--data-dir", folder], {
      env: { ...process.env, ...SETTINGS, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    child.stderr.on("data", (bytes: Buffer) => {
      log += bytes.toString();
    });
    // The address comes when requests are answered, the link, if any, in the same write.
    const said = await new Promise<string>((resolve) => {
      child.stdout.once("data", (bytes: Buffer) => resolve(bytes.toString()));
      child.once("exit", () => resolve(""));
      child.once("error", (error) => {
        log += `${BINARY} does not start (cargo build --bin descent makes it): ${error.message}\n`;
        resolve("");
      });
    });
    const url = /listening on (\S+)/.exec(said)?.[1];
    if (!url) throw new Error(`the server ended before it listened:\n${log}`);
    const link = /http\S+code=\S+/.exec(said)?.[0];
    const token = (await readFile(join(folder, "admin.token"), "utf8")).trim();
    return new Server(folder, settings, child, url, link, token);
  }

  /** Ends the process as an operator would; what was asked for and not finished is on record. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill(signal);
    await ended;
  }

  /** The same data folder and port, in a new process. */
  async restart(signal: NodeJS.Signals = "SIGTERM"): Promise<Server> {
    await this.stop(signal);
    return Server.on(this.folder, new URL(this.url).host, this.settings);
  }

  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

// The surface in three dimensions. This file brings three.js along and is loaded when a reader wants to see it.
import {
  AmbientLight, BufferAttribute, BufferGeometry, CatmullRomCurve3, Color, DirectionalLight, DoubleSide, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial,
  MeshStandardMaterial, PerspectiveCamera, Scene, SphereGeometry, Spherical, TubeGeometry, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { colourOf, type Field, heightAt, levels, share, unit } from "./field";
import type { Path } from "./path";

/** The surface is 2 by 2 wide and this high. */
const TALL = 0.85;
const LIFT = 0.012;

export interface View {
  /** Another surface, or the same with other heights. */
  show: (field: Field, paths: Path[], balls: readonly string[]) => void;
  /** Puts the balls on these points of their paths. */
  put: (at: number[]) => void;
  background: (colour: string) => void;
  turn: (around: number, up: number) => void;
  zoom: (by: number) => void;
  reset: () => void;
  dispose: () => void;
}

/** Throws where the browser has no WebGL. */
export function view(canvas: HTMLCanvasElement): View {
  const renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
  renderer.setPixelRatio(Math.min(2, devicePixelRatio));
  const scene = new Scene();
  const camera = new PerspectiveCamera(38, 1, 0.1, 20);
  const controls = new OrbitControls(camera, canvas);
  controls.enablePan = false;
  controls.minDistance = 1.6;
  controls.maxDistance = 6;
  controls.maxPolarAngle = 0.495 * Math.PI;
  scene.add(new AmbientLight(0xffffff, 1.5));
  const sun = new DirectionalLight(0xffffff, 1.9);
  sun.position.set(-1.5, 2.5, 1.2);
  scene.add(sun);

  let frame = 0;
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      renderer.render(scene, camera);
    });
  };
  controls.addEventListener("change", draw);
  const fit = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (width === 0 || height === 0) return;
    renderer.setSize(width, height, false);
    camera.aspect = width / height;
    camera.updateProjectionMatrix();
    draw();
  };
  const watch = new ResizeObserver(fit);
  watch.observe(canvas);

  let shown: Mesh<BufferGeometry>[] = [];
  let lines: LineSegments | null = null;
  let balls: Mesh[] = [];
  let places: Vector3[][] = [];
  const clear = () => {
    for (const each of [...shown, ...(lines ? [lines] : []), ...balls]) {
      scene.remove(each);
      each.geometry.dispose();
      (each.material as MeshStandardMaterial).dispose();
    }
    [shown, lines, balls] = [[], null, []];
  };
  const reset = () => {
    camera.position.set(1.3, 1.45, 2.1);
    controls.target.set(0, 0.22, 0);
    controls.update();
    draw();
  };
  reset();

  return {
    show(field, paths, colours) {
      clear();
      shown.push(ground(field));
      lines = rings(field);
      places = paths.map(({ points }) => points.map(({ x, y }) => over(field, x, y)));
      for (const [idx, track] of places.entries()) {
        const tube = trackOf(track, colours[idx] ?? "#ffffff");
        if (tube) shown.push(tube);
        const ball = new Mesh(new SphereGeometry(0.042, 32, 20), new MeshStandardMaterial({ color: colours[idx], roughness: 0.35, emissive: new Color(colours[idx]), emissiveIntensity: 0.25 }));
        balls.push(ball);
      }
      scene.add(...shown, lines, ...balls);
      draw();
    },
    put(at) {
      for (const [idx, ball] of balls.entries()) {
        const place = places[idx]?.[at[idx] ?? 0];
        if (place) ball.position.set(place.x, place.y + 0.034, place.z);
      }
      draw();
    },
    background(colour) {
      scene.background = new Color(colour);
      draw();
    },
    turn(around, up) {
      const offset = camera.position.clone().sub(controls.target);
      const angles = new Spherical().setFromVector3(offset);
      angles.theta += around;
      angles.phi = Math.min(controls.maxPolarAngle, Math.max(0.05, angles.phi + up));
      camera.position.copy(controls.target).add(offset.setFromSpherical(angles));
      controls.update();
    },
    zoom(by) {
      const offset = camera.position.clone().sub(controls.target);
      offset.setLength(Math.min(controls.maxDistance, Math.max(controls.minDistance, offset.length() * by)));
      camera.position.copy(controls.target).add(offset);
      controls.update();
    },
    reset,
    dispose() {
      cancelAnimationFrame(frame);
      watch.disconnect();
      clear();
      controls.dispose();
      renderer.dispose();
    },
  };
}

/** A place of the plane on the surface: x to the right, y away from the eye, height up. */
function over(field: Field, x: number, y: number): Vector3 {
  const [u, v] = unit(field, x, y);
  const part = share(field, heightAt(field, x, y));
  return new Vector3(2 * Math.min(1, Math.max(0, u)) - 1, TALL * part + LIFT, 1 - 2 * Math.min(1, Math.max(0, v)));
}

function ground(field: Field): Mesh<BufferGeometry> {
  const [columns, rows] = [field.x.length, field.y.length];
  const positions = new Float32Array(3 * columns * rows);
  const colours = new Float32Array(3 * columns * rows);
  const faces: number[] = [];
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const at = j * columns + i;
      const part = share(field, field.height[at] as number);
      positions.set([(2 * i) / (columns - 1) - 1, TALL * part, 1 - (2 * j) / (rows - 1)], 3 * at);
      const [r, g, b] = colourOf(part);
      const linear = new Color().setRGB(r, g, b, "srgb");
      colours.set([linear.r, linear.g, linear.b], 3 * at);
      if (i > 0 && j > 0) faces.push(at, at - columns, at - 1, at - 1, at - columns, at - columns - 1);
    }
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  geometry.setAttribute("color", new BufferAttribute(colours, 3));
  geometry.setIndex(faces);
  geometry.computeVertexNormals();
  return new Mesh(geometry, new MeshStandardMaterial({ vertexColors: true, roughness: 0.8, side: DoubleSide }));
}

/** Lines of equal height on the ground. */
function rings(field: Field): LineSegments {
  const ends: number[] = [];
  for (const { value, lines } of levels(field, 14)) {
    const height = TALL * share(field, value) + 0.004;
    for (const ring of lines) {
      for (let i = 1; i < ring.length; i++) {
        const [a, b] = [ring[i - 1] as [number, number], ring[i] as [number, number]];
        ends.push(2 * a[0] - 1, height, 1 - 2 * a[1], 2 * b[0] - 1, height, 1 - 2 * b[1]);
      }
    }
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(ends), 3));
  return new LineSegments(geometry, new LineBasicMaterial({ color: 0xffffff, transparent: true, opacity: 0.35 }));
}

/** The path as a thin tube; points that fall together are one. */
function trackOf(places: Vector3[], colour: string): Mesh<BufferGeometry> | null {
  const apart = places.filter((place, idx) => idx === 0 || place.distanceTo(places[idx - 1] as Vector3) > 1e-4);
  if (apart.length < 2) return null;
  const curve = new CatmullRomCurve3(apart, false, "centripetal");
  return new Mesh(new TubeGeometry(curve, Math.min(1200, 4 * apart.length), 0.009, 8), new MeshBasicMaterial({ color: colour }));
}

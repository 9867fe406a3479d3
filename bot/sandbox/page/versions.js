/**
 * Which colour a version has: the same on every cluster, different from its neighbours of the same service. Asked
 * by the tiles.
 */

const COLOURS = 7;

export class VersionColours {
  byService = new Map();

  /** Give every version in sight a colour, older versions first, so that a reload shows the same colours. */
  learn(clusters) {
    const seen = new Map();
    for (const { pods = [], workloads = [] } of clusters) {
      for (const pod of pods) add(seen, pod.workload, pod.version);
      for (const workload of workloads) add(seen, workload.name, workload.version);
    }
    for (const [service, versions] of seen) {
      const known = this.byService.get(service) ?? new Map();
      for (const version of [...versions].sort(byVersion))
        if (!known.has(version)) known.set(version, known.size % COLOURS);
      this.byService.set(service, known);
    }
  }

  /** 0 to 6: the class `v0`… of a version. */
  of(service, version) {
    return this.byService.get(service)?.get(version) ?? 0;
  }
}

function add(seen, service, version) {
  if (!service || !version) return;
  if (!seen.has(service)) seen.set(service, new Set());
  seen.get(service).add(version);
}

/** Numbers by value, then the rest by letter: 1.9.0 before 1.10.0. */
export function byVersion(one, other) {
  return one.localeCompare(other, "en", { numeric: true });
}

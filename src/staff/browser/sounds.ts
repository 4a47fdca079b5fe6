/** Each tone as frequencies in Hz and seconds, so that one knows without looking up whether a scan was good. */
const TONES: Record<string, [frequency: number, seconds: number][]> = {
  scanned: [[1320, 0.07]],
  unknown: [
    [660, 0.12],
    [440, 0.18],
  ],
  refused: [[196, 0.35]],
};

const VOLUME = 0.15;
/** In which the volume rises and falls, so that nothing clicks. */
const RAMP_SECONDS = 0.01;
const SETTING = "octavo sounds";

export class Sounds {
  readonly #toggle = document.querySelector<HTMLInputElement>("#sounds");
  /** Undefined before somebody has touched the page: browsers play nothing earlier. */
  #audio: AudioContext | undefined;

  constructor() {
    const toggle = this.#toggle;
    if (!toggle) return;
    toggle.closest("label")?.removeAttribute("hidden");
    toggle.checked = localStorage.getItem(SETTING) !== "off";
    toggle.addEventListener("change", () => localStorage.setItem(SETTING, toggle.checked ? "on" : "off"));
    for (const gesture of ["keydown", "pointerdown"])
      addEventListener(gesture, () => this.#open(), { once: true, capture: true });
  }

  #open(): void {
    this.#audio ??= new AudioContext();
  }

  play(tone = ""): void {
    const audio = this.#audio;
    if (!audio || !this.#toggle?.checked) return;
    let at = audio.currentTime;
    for (const [frequency, seconds] of TONES[tone] ?? []) {
      const oscillator = new OscillatorNode(audio, { frequency });
      const volume = new GainNode(audio, { gain: 0 });
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(VOLUME, at + RAMP_SECONDS);
      volume.gain.setValueAtTime(VOLUME, at + seconds - RAMP_SECONDS);
      volume.gain.linearRampToValueAtTime(0, at + seconds);
      oscillator.connect(volume).connect(audio.destination);
      oscillator.start(at);
      oscillator.stop(at + seconds);
      at += seconds;
    }
  }
}

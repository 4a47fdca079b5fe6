/** What staff need a script for: the speed of a scanner, and drafts that survive a reload. Without it, forms do the same. */
import "./upload.ts";

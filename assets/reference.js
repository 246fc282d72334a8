// The reference field: photo.js goes before it. Nothing is painted on it; it shows what is found in the photo.
//
// What comes in:  props.photo  of photo.js, with marks: [{lines: [[[x, y], ...], ...], dots: [[x, y], ...]}, ...], one a face
// What goes out:  props.value  {photo}

const own = {};
const marked = find(".editor-points");

function trace(points) {
  pen.beginPath();
  points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](left + scale * x, top + scale * y));
}

own.value = () => ({ photo: photo.key });
own.opened = () => (props.value = own.value());

own.over = () => {
  const marks = marked.checked && photo.marks[props.face ?? 0];
  if (!marks) return;
  pen.lineJoin = pen.lineCap = "round";
  for (const [colour, wide] of [["rgba(20,20,20,.75)", 1.6], ["#ffd60a", 0]]) {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = 1 + wide;
    for (const line of marks.lines) {
      trace(line);
      pen.stroke();
    }
    for (const [x, y] of marks.dots) {
      pen.beginPath();
      pen.arc(left + scale * x, top + scale * y, 2.2 + wide / 2, 0, 2 * Math.PI);
      pen.fill();
    }
  }
};

own.press = own.drag = own.key = () => false;
own.lift = own.drop = () => {};

marked.addEventListener("change", draw);

start();

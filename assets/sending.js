// How a chosen file goes to the app. The first part of the body that photo.js and references.js are of.

// What is wrong with the file's size, or nothing.
function tooLarge(chosen) {
  if (chosen.size <= props.most_bytes) return null;
  return word("This file has more than {size} MB; save a smaller copy and choose that.", { size: Math.round(props.most_bytes / 2 ** 20) });
}

// Sends it and returns its path there. Its own name stays here: names often say whose face it is.
async function send(chosen) {
  const ending = /\.[a-z0-9]{1,5}$/i.exec(chosen.name ?? "")?.[0].toLowerCase() ?? ".png";
  return (await upload(new File([chosen], `photo${ending}`, { type: chosen.type }))).path;
}


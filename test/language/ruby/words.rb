# Counts the words of a text.
module Words
  def self.count(text)
    text.downcase.scan(/\p{Alpha}+/).tally
  end
end
